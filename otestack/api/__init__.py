"""The API's common ground: envelope, errors, fields, paging, routes and the base viewset."""
