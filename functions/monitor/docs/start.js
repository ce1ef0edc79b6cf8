// A file of its own, because the page's policy allows no script inside it.
globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  // Nobody outside is asked whether the document is valid.
  validatorUrl: null,
  /** No browser sends a body on GET, and fetch throws when it is given one. */
  requestInterceptor(request) {
    if (request.method === "GET") delete request.body;
    return request;
  },
});
