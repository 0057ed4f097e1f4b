# The module that runs this pipeline, at a release. make upgrade moves it.
MODULE_VERSION = @VERSION@
# Where CI and colleagues get it: its git repository. Those who have a clone need none: ln -s /path/to/clone .module
MODULE_URL = @URL@
