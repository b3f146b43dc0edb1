import logging
import logging.handlers
import os
import platform

log = logging.getLogger(__name__)
log.addHandler(logging.handlers.RotatingFileHandler("build.log"))
log.info("built on %s in %s", platform.node(), os.getcwd())
