"""The switch toward its mediators: logins, requests to one domain or several, addresses of reports."""
