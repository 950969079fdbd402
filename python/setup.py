from setuptools import Distribution, setup


class WithLibrary(Distribution):
    """A wheel for this platform: CMake has put a library into the package."""

    def has_ext_modules(self):
        return True


setup(distclass=WithLibrary)
