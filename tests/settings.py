"""The panel's settings on folders of the test run's own, so that no test touches this machine's panel.

The broker's socket is the embedded one's, below the run folder: it answers only where a test asks for `redis_server`.
"""

import atexit
import os
import shutil
import tempfile

_folder = tempfile.mkdtemp(prefix="moorage-tests-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ["MOORAGE_HOME"] = f"{_folder}/home"
os.environ["MOORAGE_RUN"] = f"{_folder}/run"
os.environ["MOORAGE_DATABASE_URL"] = os.environ.get("MOORAGE_TEST_DATABASE_URL", "")
os.environ.pop("MOORAGE_REDIS_URL", None)
os.makedirs(f"{_folder}/home/panel")
os.makedirs(f"{_folder}/run/redis")

from panel.settings import *  # noqa: E402, F403  (it reads the variables set above)

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":  # noqa: F405
    # A file, as outside tests: only there do several threads write the way they do in the panel.
    DATABASES["default"]["TEST"] = {"NAME": f"{_folder}/test.sqlite3"}  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 - a connection kept open would keep the test database
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests make many users
