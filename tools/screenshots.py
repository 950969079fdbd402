"""Pictures of a report, to be looked at after a change of its page: on a desk in light and dark, on a phone, on paper.

    .deps/venv/bin/python tools/screenshots.py report.html FOLDER
"""

import argparse
from pathlib import Path

from browser import chromium

WINDOWS = {
    "light": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2},
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("report", type=Path)
    arguments.add_argument("folder", type=Path)
    asked = arguments.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    url = asked.report.resolve(strict=True).as_uri()
    with chromium() as pages:
        for name, window in WINDOWS.items():
            pages.open(url, **window).screenshot(path=asked.folder / f"{name}.png", full_page=True)
        pages.open(url).pdf(path=asked.folder / "paper.pdf", format="A4",
                            margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))


if __name__ == "__main__":
    main()
