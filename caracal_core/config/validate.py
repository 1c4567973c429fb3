"""One part's raw values made into its model, or told what is wrong with them."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from caracal_core.config.explain import explain
from caracal_core.config.merge import Merged
from caracal_core.config.problems import Problems
from caracal_core.config.schema import Part
from caracal_core.errors import Misconfigured


def validate(part: Part, merged: Merged) -> BaseModel:
    """Validate one owner's part of the configuration.

    Raises:
        Misconfigured: something is wrong; `SeveralMisconfigured` where more than one thing is.
    """
    try:
        return part.model.model_validate(part.take(merged.tree))
    except ValidationError as error:
        Problems(explain(error, part.model, part.prefix, merged)).refuse()
        raise
    except Misconfigured:
        raise
    except Exception as error:
        raise Misconfigured(
            f"plugin {part.owner}" if part.owner else "configuration",
            f"its Config raised {type(error).__name__} instead of judging its keys",
            "Report it to the plugin's author: a validator may raise ValueError only.",
        ) from error
