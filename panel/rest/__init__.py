"""What every resource of `/api/v1/` shares: authentication, permission, pages, problem documents."""
