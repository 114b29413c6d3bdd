"""The ONNX target: policies as graphs of standard operators, which any ONNX Runtime computes.

One builder makes both streams of a spiking policy: the integer program, spike for spike that of the interpreter, and
the float program in float32. A graph is written operator by operator, since an exporter that traces PyTorch freezes
states, and divides integers in floating point.
"""
