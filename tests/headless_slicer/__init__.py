"""A 3D Slicer without Qt, made of the parts in ``slicer-core``: real scene, real logics, real views.

``application()`` must be called before anything uses ``slicer.mrmlScene``, ``slicer.app`` or
``slicer.modules``.
"""

from tests.headless_slicer.application import application
from tests.headless_slicer.views import SliceView, ThreeDView, write_png

__all__ = ["SliceView", "ThreeDView", "application", "write_png"]
