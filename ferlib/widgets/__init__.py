"""What is shown and clicked: the demo, the label-issue browser, a camera window.

demo              Photo, camera, and how a prediction came about, as tabs.
browse_issues     A page of faces with issues at a time; choose rows, export them.
IssueBrowser      The widget that browse_issues makes.
show_camera       A window with the camera and its predictions, for `ferlib camera`.
PromptConnection  Jupyter's connection to a kernel without Nagle's delay.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "_demo": ["demo"],
        "_issues": "IssueBrowser browse_issues".split(),
        "_server": ["PromptConnection"],
        "_window": ["show_camera"],
    },
)
