"""The back-office's theme (django-unfold): names, colours, our own files. Nothing comes from another origin."""

from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

# Blue, of a contrast that is readable in light and dark.
_PRIMARY = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(70.7% .165 254.624)",
    "500": "oklch(62.3% .214 259.815)",
    "600": "oklch(54.6% .245 262.881)",
    "700": "oklch(48.8% .243 264.376)",
    "800": "oklch(42.4% .199 265.638)",
    "900": "oklch(37.9% .146 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "OTE-Stack",
    "SITE_HEADER": "OTE-Stack",
    "SITE_SUBHEADER": _("Back-office"),
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": _PRIMARY},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("otestack/icon.svg")}],
    "STYLES": [lambda request: static("otestack/back_office.css")],
    "SCRIPTS": [lambda request: static("otestack/keyboard.js")],
    "SIDEBAR": {"navigation": "otestack.backoffice.menu.navigation"},
}
