"""Files of containers and volumes, browsed: looked at, downloaded, uploaded, changed; every access is audited."""
