// Swagger UI over Docent's own description, with nothing from anywhere else.

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "openapi.json",
  deepLinking: true,
  validatorUrl: null, // its default sends the description's address to a public service
});
