"""Stand-ins for ``slicer.ScriptedLoadableModule``, ``slicer.i18n`` and ``slicer.parameterNodeWrapper``."""

from __future__ import annotations

import typing
import unittest
from pathlib import Path

import slicer


class ScriptedLoadableModule:
    """Base of the class that names the module."""

    def __init__(self, parent):
        self.parent = parent
        self.moduleName = type(self).__name__

    def resourcePath(self, filename):
        return str(Path(self.parent.path).parent / "Resources" / filename)


class ScriptedLoadableModuleWidget:
    """Base of the panel."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.parent = parent
        self.layout = parent.layout()

    def resourcePath(self, filename):
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self):
        """The developer section is not needed here."""

    def cleanup(self):
        """For the module to override."""


class ScriptedLoadableModuleLogic:
    """Base of the logic; keeps the module's parameter node in the scene."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self):
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetAttribute("ModuleName", self.moduleName)
            node.SetName(scene.GenerateUniqueName(self.moduleName))
            node = scene.AddNode(node)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of the tests that run inside 3D Slicer."""

    messageDelay = 0

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        """Messages of a test are not shown here."""

    def takeScreenshot(self, *_):
        """Only the application has a window to picture."""


def tr(text):
    """``slicer.i18n.tr``: without a translation the text itself."""
    if not isinstance(text, str):
        raise TypeError("only text can be translated")
    return text


def translate(_context, text):
    """``slicer.i18n.translate``: without a translation the text itself."""
    return tr(text)


def parameterNodeWrapper(cls):
    """Properties for annotations of type node, str, bool, int and float, kept in a parameter node."""
    hints = typing.get_type_hints(cls)
    for name, kind in hints.items():
        setattr(cls, name, _parameter(name, kind, cls.__dict__.get(name)))

    def initialise(self, parameter_node):
        self.parameterNode = parameter_node

    def observe(self, event, *arguments):
        return self.parameterNode.AddObserver(event, *arguments)

    cls.__init__ = initialise
    cls.AddObserver = observe
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return cls


def _parameter(name, kind, default):
    if issubclass(kind, slicer.vtkMRMLNode):
        return property(
            lambda self: self.parameterNode.GetNodeReference(name),
            lambda self, node: self.parameterNode.SetNodeReferenceID(
                name, node.GetID() if node else None
            ),
        )
    if kind not in (str, bool, int, float):
        raise TypeError(f"parameters of type {kind} have no stand-in")
    default = kind() if default is None else default

    def read(self):
        text = self.parameterNode.GetParameter(name)
        if not text:
            return default
        return text == "True" if kind is bool else kind(text)

    def write(self, value):
        self.parameterNode.SetParameter(name, str(kind(value)))

    return property(read, write)


SCRIPTED_LOADABLE_MODULE = {
    cls.__name__: cls
    for cls in (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
}
