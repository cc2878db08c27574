"""Settings from the environment (twelve-factor), in rooms: Django's own, the engine's, the document's,
Celery's, the theme's.
"""

from otestack.settings.base import *  # noqa: F403
from otestack.settings.engine import *  # noqa: F403
from otestack.settings.schema import *  # noqa: F403
from otestack.settings.tasks import *  # noqa: F403
from otestack.settings.theme import *  # noqa: F403
