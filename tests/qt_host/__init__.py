"""A test-only host: the module's real widget on PySide6 and a real MRML scene, without 3D Slicer.

PySide6 is given the calling conventions of PythonQt (:mod:`.pythonqt`). The few CTK and qMRML widgets that the
module uses have stand-ins bound to the scene, and what these may offer is a table read from the headers of CTK
and 3D Slicer (:mod:`.exposed`). A call of anything that has no stand-in raises. Passing here is not the same as
working in 3D Slicer: the same story runs there through ``MoBSegmentationTest``.
"""
