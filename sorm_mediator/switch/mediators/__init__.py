"""The switch toward its mediators: logins, requests to one domain or to several, and the addresses of reports."""
