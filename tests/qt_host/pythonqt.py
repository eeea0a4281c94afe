"""Gives PySide6 the conventions of PythonQt, for the whole process.

* Every Q_PROPERTY is an attribute, and hides the getter of the same name: ``button.text()`` fails here as it
  fails in 3D Slicer. Setters such as ``setText`` stay callable.
* ``obj.connect("sig(args)", f)``, ``obj.connect("sig(args)", receiver, "slot(args)")``, ``obj.disconnect``;
  a signal that does not exist raises, where PythonQt prints a warning and returns False.
* ``obj.name`` is ``objectName``, ``obj.className()`` the class.
* Setting an attribute that a C++ class does not have raises.
* The static file and input dialogs return one value, not a tuple.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets
from shiboken6 import Shiboken

QT_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)

#: Static functions that return a tuple in PySide6.
_SINGLE_RESULT = {
    "QFileDialog": ("getOpenFileName", "getSaveFileName"),
    "QInputDialog": ("getText", "getItem"),
}

#: Setter of each property that a stand-in declares.
SETTERS: dict[QtCore.Property, Callable[[Any, Any], None]] = {}

_qt_connect, _qt_disconnect = QtCore.QObject.connect, QtCore.QObject.disconnect
_plain_setattr = Shiboken.Object.__setattr__
_strict = [True]


def apply() -> None:
    """Patch all Qt classes; once a process."""
    classes = _qobject_classes()
    for cls in classes:
        _expose_properties(cls)
    for cls in classes:
        if "__setattr__" in cls.__dict__:
            cls.__setattr__ = _strict_setattr
        if "__getattribute__" in cls.__dict__:
            cls.__getattribute__ = _attribute_lookup(cls.__getattribute__)
    qobject = QtCore.QObject
    qobject.name = property(lambda self: self.objectName, lambda self, v: self.setObjectName(v))
    qobject.className = lambda self: self.metaObject().className()
    qobject.connect, qobject.disconnect = staticmethod(_connect), staticmethod(_disconnect)
    for class_name, functions in _SINGLE_RESULT.items():
        cls = getattr(QtWidgets, class_name)
        for name in functions:
            setattr(cls, name, staticmethod(_first_of(getattr(cls, name))))


def flat_module_contents() -> dict[str, Any]:
    """Everything of Qt in one namespace, as in the ``qt`` module of 3D Slicer."""
    contents: dict[str, Any] = {}
    for module in QT_MODULES:
        for name in dir(module):
            if not name.startswith("_"):
                contents.setdefault(name, getattr(module, name))
    return contents


@contextlib.contextmanager
def attributes_allowed() -> Iterator[None]:
    """While a ``.ui`` file is loaded: PySide6's loader sets the children as attributes of the root."""
    _strict[0] = False
    try:
        yield
    finally:
        _strict[0] = True


def _qobject_classes() -> list[type]:
    # PySide6 makes most classes only when they are asked for: vars() does not list them.
    values = (getattr(module, name) for module in QT_MODULES for name in dir(module))
    classes = {v for v in values if isinstance(v, type) and issubclass(v, QtCore.QObject)}
    return sorted(classes, key=lambda cls: (len(cls.__mro__), cls.__name__))


def _capitalised(name: str) -> str:
    return name[0].upper() + name[1:]


def _expose_properties(cls: Any) -> None:
    meta_object = getattr(cls, "staticMetaObject", None)
    if meta_object is None or meta_object.className().split("::")[-1] != cls.__name__:
        return
    for index in range(meta_object.propertyCount()):
        meta = meta_object.property(index)
        name = meta.name()
        if index < meta_object.propertyOffset() and name not in cls.__dict__:
            continue  # inherited as patched in the base class
        getter = cls.__dict__.get(name) or getattr(cls, name, None)
        if not callable(getter) or isinstance(getter, (property, QtCore.Signal)):
            candidates = (f"is{_capitalised(name)}", f"has{_capitalised(name)}")
            getter = next((getattr(cls, c) for c in candidates if hasattr(cls, c)), None)
        setter = getattr(cls, f"set{_capitalised(name)}", None)
        attribute = _attribute(name, meta.isWritable(), getter, setter)
        attribute.of_class = getattr(cls, name, None)
        setattr(cls, name, attribute)


class _Attribute(property):
    """A property of the objects; the class keeps its function of this name, as ``QTimer.singleShot``."""

    of_class: Any = None

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.of_class if instance is None else super().__get__(instance, owner)


def _attribute(name: str, writable: bool, getter: Any, setter: Any) -> _Attribute:
    def read(self: Any) -> Any:
        if getter is not None:
            with contextlib.suppress(TypeError):  # the getter of that name needs arguments
                return getter(self)
        return self.property(name)

    def write(self: Any, value: Any) -> None:
        if setter is not None:
            setter(self, value)
        elif not self.setProperty(name, value):
            raise TypeError(f"cannot set {type(self).__name__}.{name} to {value!r}")

    return _Attribute(read, write if writable else None)


def _signal(sender: Any, signature: str) -> Any:
    """The signal of a stand-in, or the normalised signature of a Qt class."""
    normalised = QtCore.QMetaObject.normalizedSignature(signature)
    normalised = bytes(normalised.data()).decode() if hasattr(normalised, "data") else normalised
    declared = getattr(type(sender), "CPP_SIGNALS", {})
    if normalised in declared:
        return getattr(sender, declared[normalised])
    if sender.metaObject().indexOfSignal(normalised) >= 0:
        return normalised
    raise RuntimeError(f"signal '{signature}' does not exist on {type(sender).__name__}")


def _target(receiver: Any, slot: Any = None) -> Any:
    if slot is None:
        return receiver
    function = getattr(receiver, slot.split("(")[0], None)
    if function is None:
        raise RuntimeError(f"slot '{slot}' does not exist on {type(receiver).__name__}")
    return function.emit if isinstance(function, QtCore.SignalInstance) else function


def _connect(*arguments: Any) -> bool:
    if len(arguments) > 2 and isinstance(arguments[1], QtCore.QObject):
        arguments = arguments[1:]  # the static form, which PySide6 itself uses
    sender, signature, *target = arguments
    if signature[:1] in "12":  # SIGNAL("...") of PySide6 itself
        return _qt_connect(*arguments)
    signal = _signal(sender, signature)
    if isinstance(signal, str):
        return bool(_qt_connect(sender, QtCore.SIGNAL(signal), _target(*target)))
    return bool(signal.connect(_target(*target)))


def _disconnect(*arguments: Any) -> Any:
    if len(arguments) > 2 and isinstance(arguments[1], QtCore.QObject):
        arguments = arguments[1:]
    sender, signature, *target = arguments
    if signature[:1] in "12":
        return _qt_disconnect(*arguments)
    signal = _signal(sender, signature)
    receiver = _target(*target) if target else None
    if isinstance(signal, str):
        return _qt_disconnect(sender, QtCore.SIGNAL(signal), receiver)
    return signal.disconnect(receiver) if receiver else signal.disconnect()


def _attribute_lookup(plain: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """PySide6's own lookup bypasses the class for these two names."""
    replaced = {"connect": _connect, "disconnect": _disconnect}

    def lookup(self: Any, name: str) -> Any:
        if name in replaced:
            return functools.partial(replaced[name], self)
        return plain(self, name)

    return lookup


def _strict_setattr(self: Any, name: str, value: Any) -> None:
    cls = type(self)
    attribute = inspect.getattr_static(cls, name, None)
    if isinstance(attribute, QtCore.Property):
        if attribute in SETTERS:
            SETTERS[attribute](self, value)
        elif not self.setProperty(name, value):
            raise TypeError(f"cannot set {cls.__name__}.{name} to {value!r}")
        return
    is_cpp = cls.__module__.startswith("PySide6") or "CPP_SIGNALS" in cls.__dict__
    if _strict[0] and attribute is None and is_cpp and not name.startswith("_"):
        raise AttributeError(f"'{cls.__name__}' has no attribute '{name}'")
    _plain_setattr(self, name, value)


def _first_of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments, **options: function(*arguments, **options)[0]
