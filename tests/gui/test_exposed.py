"""Stand-ins and the ``.ui`` file use only what PythonQt and Qt Designer offer in 3D Slicer."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from tests.architecture.layers import ROOT
from tests.gui.conftest import needs
from tests.qt_host.exposed import EXPOSED

QtWidgets = needs("PySide6.QtWidgets")
ctk_widgets, mrml_widgets, segment_editor_widget, slicer_application = (
    needs(f"tests.qt_host.{name}")
    for name in ("ctk_widgets", "mrml_widgets", "segment_editor_widget", "slicer_application")
)
pytestmark = pytest.mark.slicer

UI_FILES = sorted((ROOT / "MoBSegmentation" / "Resources" / "UI").glob("*.ui"))
STAND_INS = [
    *ctk_widgets.WIDGETS.values(),
    *mrml_widgets.WIDGETS.values(),
    *segment_editor_widget.WIDGETS.values(),
    slicer_application.qSlicerModuleManager,
    slicer_application.qSlicerApplication,
]

#: Virtual functions of Qt that a stand-in overrides, and its enumerations.
OVERRIDES = {
    "ctkCollapsibleButton": {
        "childEvent",
        "eventFilter",
        "hasHeightForWidth",
        "heightForWidth",
        "hitButton",
        "minimumSizeHint",
        "paintEvent",
        "sizeHint",
    },
    "ctkPathLineEdit": {"Dirs", "Files", "Executable", "Readable", "Writable"},
}


def _signal_names(signals) -> set[str]:
    return {signature.partition("(")[0] for signature in signals}


@pytest.mark.parametrize("widget", STAND_INS, ids=lambda widget: widget.__name__)
def test_stand_in_offers_nothing_that_slicer_does_not(widget) -> None:
    exposed = EXPOSED[widget.__name__]
    own = {name for name in vars(widget) if not name.startswith("_")}
    own -= {"CPP_SIGNALS", "staticMetaObject", *OVERRIDES.get(widget.__name__, ())}
    assert own <= exposed.properties | exposed.methods | _signal_names(exposed.signals)
    assert set(widget.CPP_SIGNALS) <= exposed.signals


@pytest.mark.parametrize("widget", STAND_INS, ids=lambda widget: widget.__name__)
def test_stand_in_derives_from_the_class_that_the_real_one_does(widget) -> None:
    assert widget.__bases__[0].__name__ == EXPOSED[widget.__name__].base


def _qt_properties(class_name: str) -> set[str]:
    meta = getattr(QtWidgets, class_name).staticMetaObject
    return {meta.property(index).name() for index in range(meta.propertyCount())}


#: Read before any test starts the host: PySide6 may have deleted the meta objects afterwards.
QT_PROPERTIES = {
    name: _qt_properties(name)
    for path in UI_FILES
    for name in {
        *(element.get("class") for element in ElementTree.parse(path).iter("widget")),
        *(exposed.base for exposed in EXPOSED.values()),
    }
    if hasattr(QtWidgets, name)
}


def _known_properties(class_name: str) -> set[str]:
    """Properties of a widget class and of those it derives from."""
    if class_name not in EXPOSED:
        return QT_PROPERTIES[class_name]
    exposed = EXPOSED[class_name]
    return (exposed.properties - exposed.read_only) | _known_properties(exposed.base)


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_ui_sets_only_properties_that_exist(path) -> None:
    for element in ElementTree.parse(path).iter("widget"):
        properties = {p.get("name") for p in element.findall("property") if not p.get("stdset")}
        assert properties <= _known_properties(element.get("class")), element.get("name")


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_ui_connects_only_signals_and_slots_that_exist(path) -> None:
    root = ElementTree.parse(path).getroot()
    classes = {element.get("name"): element.get("class") for element in root.iter("widget")}
    connections = list(root.iter("connection"))
    assert connections
    for connection in connections:
        sender, receiver = (classes[connection.findtext(end)] for end in ("sender", "receiver"))
        assert connection.findtext("signal") in EXPOSED[sender].signals
        assert connection.findtext("slot").partition("(")[0] in EXPOSED[receiver].methods


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_every_control_has_a_tooltip(path) -> None:
    explains_itself = {"qMRMLWidget", "QFrame", "QLabel", "ctkCollapsibleButton"}
    without = [
        element.get("name")
        for element in ElementTree.parse(path).iter("widget")
        if element.get("class") not in explains_itself
        and not any(p.get("name") == "toolTip" for p in element.findall("property"))
    ]
    assert without == []


@pytest.mark.parametrize("path", UI_FILES, ids=lambda path: path.name)
def test_custom_widgets_are_declared(path) -> None:
    root = ElementTree.parse(path).getroot()
    declared = {custom.findtext("class") for custom in root.iter("customwidget")}
    used = {element.get("class") for element in root.iter("widget")}
    assert {name for name in used if not name.startswith("Q")} == declared
