/** Starts Swagger UI on the document of this API. The login is not kept: a reload logs out. */

/** Set by `swagger-ui-bundle.js`, which is no module and so runs before this one. */
const { SwaggerUIBundle } = window as unknown as {
  readonly SwaggerUIBundle: (options: Readonly<Record<string, unknown>>) => void;
};

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = (): void => {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
};
followScheme();
dark.addEventListener("change", followScheme);

SwaggerUIBundle({
  url: document.getElementById("docs")?.dataset["document"],
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  tryItOutEnabled: true,
});
