scp my-app-1.2.3.zip user@your-server.com:/var/www/bundles/
