"""A torch network as a graph of calls, by torch.export: what it computes in evaluation, with every shape."""
