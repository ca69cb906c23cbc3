"""Federated logistic regression: the package that runs in the algorithm container.

The methods that a task may ask for are the names in ``__all__``: `fit` is the central one, and
`moments` and `newton_step` are what it asks the hospitals for.
"""

from .central import fit
from .hospital import moments, newton_step

__all__ = ["fit", "moments", "newton_step"]
