"""Where the packages lie; everything else about them is in setup.cfg, which can name one folder to look in only.

``train``, ``export`` and ``common`` are folders and no packages: a user's own script of such a name hides nothing.
"""

from setuptools import find_packages, setup

FOLDERS = {
    "common": ["dsf_common*"],
    "export": ["dsf_export*"],
    "train": ["dsf_models*", "dsf_train*"],
    ".": ["hw_profiles*", "neuro_runtime*"],
}

found = {folder: find_packages(folder, include=names) for folder, names in FOLDERS.items()}
setup(
    packages=[package for packages in found.values() for package in packages],
    package_dir={
        package: f"{folder}/{package}"
        for folder, packages in found.items()
        for package in packages
        if "." not in package
    },
)
