"""What the MoBSegmentation module of 3D Slicer is made of; imports only the light layer of ``mobseg``."""
