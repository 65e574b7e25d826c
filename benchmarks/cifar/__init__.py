"""ResNet-20 on CIFAR-10: what pruning and few bits cost a network that branches."""
