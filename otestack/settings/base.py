"""Django's own settings. Each comes from the environment or has a safe default."""

from datetime import timedelta
from pathlib import Path

import dj_database_url

from otestack import secrets
from otestack.settings import env

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DEBUG = env.flag("OTE_DEBUG", False)
OTE_DATA_DIR = env.folder("OTE_DATA_DIR", BASE_DIR / "data")

_secrets = secrets.load(OTE_DATA_DIR, debug=DEBUG)
SECRET_KEY = _secrets["OTE_SECRET_KEY"]
# The first key encrypts, all of them decrypt: put a new one in front, run 'manage.py rotate_secrets', drop the old one.
OTE_ENCRYPTION_KEYS = [key.strip() for key in _secrets["OTE_ENCRYPTION_KEYS"].split(",") if key.strip()]

ALLOWED_HOSTS = env.words("OTE_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("OTE_TRUSTED_ORIGINS")
# How many proxies in front of us may speak for the client's address (X-Forwarded-For). 0: none.
OTE_TRUSTED_PROXIES = env.whole("OTE_TRUSTED_PROXIES", 0)
# Browsers reach us over TLS, which a proxy in front ends: cookies of the back-office then never travel without it.
OTE_HTTPS = env.flag("OTE_HTTPS", False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = OTE_HTTPS
if OTE_HTTPS and OTE_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "otestack.backoffice.trouble.forged"

INSTALLED_APPS = [
    "otestack.backoffice.apps.ThemeConfig",
    "otestack.backoffice.apps.BackOfficeConfig",
    # Before Django's, so that its createsuperuser and changepassword are found first.
    "otestack",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "clusters",
    "business",
    "registry",
    "apps",
    "deployments",
]

MIDDLEWARE = [
    "otestack.caller.CallerMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "otestack.languages.LanguageMiddleware",
    "otestack.backoffice.middleware.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "otestack.backoffice.middleware.Logins",
    "otestack.backoffice.middleware.Messages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "otestack.backoffice.browser.PolicyMiddleware",
]

ROOT_URLCONF = "otestack.urls"
WSGI_APPLICATION = "otestack.wsgi.application"
# A redirected POST loses its body, so routes take both spellings instead.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASE_URL = env.text("DATABASE_URL")
if DATABASE_URL:
    DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
else:  # not as a URL: the folder's name may hold '#', '?' or '%'
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(OTE_DATA_DIR / "otestack.sqlite3"),
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
        }
    }
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Readers never wait in WAL; a writer takes its lock when it begins, so it cannot fail in the middle.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.Backend"]
# User names are unique among the living only, by a constraint; see accounts.models.User.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
# Ours, and the theme's words apart: they are its own, and it brings no translation (docs/languages.md).
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "otestack" / "backoffice" / "theme"]
LANGUAGE_COOKIE_NAME = "otestack_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE = OTE_HTTPS
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["otestack.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = OTE_DATA_DIR / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "filesystem://localhost")

if CELERY_BROKER_URL.startswith("redis"):
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": CELERY_BROKER_URL,
            # Seconds. A dead Redis must not keep a login waiting; see accounts/throttles.py.
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(OTE_DATA_DIR / "cache"),
            # Beyond it entries go at random, and with them what throttles have counted.
            "OPTIONS": {"MAX_ENTRIES": 10_000},
        }
    }

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.PolicyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["otestack.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "otestack.api.schema.operations.Operation",
    "EXCEPTION_HANDLER": "otestack.api.exceptions.handle",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "otestack.api.renderers.OneRenderer",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": _secrets["OTE_TOKEN_KEY"],
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=env.whole("OTE_TOKEN_SECONDS", 3600, least=1)),
    "AUTH_HEADER_TYPES": ("Bearer",),
    "USER_ID_CLAIM": "uid",
    "TOKEN_TYPE_CLAIM": "typ",
    "UPDATE_LAST_LOGIN": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "otestack.logs.OneLine",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("OTE_LOG_LEVEL", "INFO")},
    "loggers": {
        # Whoever sends a wrong Host gets a 400 that says so; a traceback for each is only noise.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        # Several tasks a second that say they ran; their failures are errors and stay.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}

# Product settings that GET /v1/authorization reports (contract, Users and roles).
OTE_PRIVATE_PROJECT = env.flag("OTE_PRIVATE_PROJECT", False)
OTE_ENABLE_INGRESS = env.flag("OTE_ENABLE_INGRESS", False)
OTE_ENABLE_ALERT = env.flag("OTE_ENABLE_ALERT", False)
# Nobody approves a change of their own, so nothing is approved at once either.
OTE_FOUR_EYES = env.flag("OTE_FOUR_EYES", False)
OTE_ADMIN_AUTO_DEPLOY = env.flag("OTE_ADMIN_AUTO_DEPLOY", True)

# Our own image registry, a Harbor: where its API is, and our account there (docs/registry.md says what it must be able
# to do). No address: the endpoints that need it say so.
OTE_REGISTRY_URL = env.address("OTE_REGISTRY_URL")
OTE_REGISTRY_USER = env.text("OTE_REGISTRY_USER")
OTE_REGISTRY_PASSWORD = env.text("OTE_REGISTRY_PASSWORD")
# Certificates to trust instead of the usual ones.
OTE_REGISTRY_CA_FILE = env.text("OTE_REGISTRY_CA_FILE")
# All that one request may wait for it.
OTE_REGISTRY_SECONDS = env.number("OTE_REGISTRY_SECONDS", 10, least=0.1)
# The host (with port) under which images are pushed and pulled: images from there show their project.
OTE_REGISTRY_DOMAIN = env.text("OTE_REGISTRY_DOMAIN", env.host_of(OTE_REGISTRY_URL))
# The namespace of the built-in business 'system'; never created or deleted by us.
OTE_SYSTEM_NAMESPACE = env.text("OTE_SYSTEM_NAMESPACE", "default")
# Host folders that tenants may mount, read-only.
OTE_HOST_PATHS = env.words("OTE_HOST_PATHS", "/usr")

# The program that renders charts; empty: the one beside our Python, or on PATH. And how long it may take.
OTE_HELM = env.text("OTE_HELM")
OTE_HELM_SECONDS = env.number("OTE_HELM_SECONDS", 7, least=0.1)

# Throttles (contract, Users and roles): how many in how many seconds.
OTE_LOGIN_FAILURES = env.whole("OTE_LOGIN_FAILURES", 10, least=1)
OTE_LOGIN_SECONDS = env.whole("OTE_LOGIN_SECONDS", 300, least=1)
OTE_REGISTRATIONS = env.whole("OTE_REGISTRATIONS", 60, least=1)
OTE_REGISTRATION_SECONDS = env.whole("OTE_REGISTRATION_SECONDS", 60, least=1)

# Streams of events that one process of the web server keeps open (of its 400 connections), and of them for one user.
OTE_STREAMS = env.whole("OTE_STREAMS", 200, least=1)
OTE_STREAMS_OF_USER = env.whole("OTE_STREAMS_OF_USER", 20, least=1)
