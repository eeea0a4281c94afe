"""The part of 3D Slicer's file manager that ``slicer.util.load...`` and ``save...`` call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer

#: Endings, longest first, and the file types they mean.
_FILE_TYPES = {
    ".seg.nrrd": "SegmentationFile",
    ".mrk.json": "MarkupsFile",
    ".nii.gz": "VolumeFile",
    ".nrrd": "VolumeFile",
    ".mrml": "SceneFile",
    ".nii": "VolumeFile",
    ".mha": "VolumeFile",
    ".mrb": "SceneFile",
}


class FileManager:
    """Reads and writes nodes and scenes by file type."""

    def fileType(self, filename: str) -> str:
        for ending, file_type in _FILE_TYPES.items():
            if str(filename).lower().endswith(ending):
                return file_type
        raise NotImplementedError(f"no file type for {filename}")

    def fileWriterFileType(self, node: Any) -> str:
        return "NodeFile"

    def loadNodes(
        self, file_type: str, properties: dict[str, Any], nodes: Any, messages: Any = None
    ) -> bool:
        path = Path(str(properties["fileName"]))
        if not path.exists():
            return False
        if file_type == "SceneFile":
            return self._load_scene(path, bool(properties.get("clear", True)))
        node = self._load_node(
            file_type, path, properties.get("name") or path.name.split(".")[0], properties
        )
        if node is None:
            return False
        nodes.AddItem(node)
        return True

    def saveNodes(self, file_type: str, properties: dict[str, Any], messages: Any = None) -> bool:
        path = str(properties["fileName"])
        if file_type == "SceneFile":
            return self._save_scene(path)
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(int(properties["useCompression"]))
        return bool(storage.WriteData(node))

    def _load_node(self, file_type: str, path: Path, name: str, properties: dict[str, Any]) -> Any:
        modules = slicer.modules
        if file_type == "VolumeFile":
            options = 8 if properties.get("singleFile") else 0
            if properties.get("labelmap"):
                options |= 1
            return modules.volumes.logic().AddArchetypeVolume(str(path), name, options)
        if file_type == "SegmentationFile":
            return modules.segmentations.logic().LoadSegmentationFromFile(str(path), True, name)
        if file_type == "MarkupsFile":
            identity = modules.markups.logic().LoadMarkups(str(path), name)
            return slicer.mrmlScene.GetNodeByID(identity or "")
        raise NotImplementedError(f"reading a {file_type}")

    def _load_scene(self, path: Path, clear: bool) -> bool:
        scene = slicer.mrmlScene
        if clear:
            scene.Clear(False)
        if path.suffix == ".mrb":
            return bool(scene.ReadFromMRB(str(path)))
        scene.SetURL(str(path))
        return bool(scene.Import(None))

    def _save_scene(self, path: str) -> bool:
        scene = slicer.mrmlScene
        if path.endswith(".mrb"):
            return bool(scene.WriteToMRB(path))
        scene.SetURL(path)
        return bool(scene.Commit(path))
