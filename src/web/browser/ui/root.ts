/** The element that a page renders into, and what the server wrote on it. */
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root.");

/** The path of the API, without a slash at its end: a proxy may serve it below a path of its own. */
export const API_PATH = new URL(root.dataset["api"] ?? "./", location.href).pathname.replace(/\/$/, "");

/** Of `web/development.ts`: below the API's path, without a slash at their start. */
export const SITE_LINKS = JSON.parse(root.dataset["links"] ?? "[]") as readonly {
  readonly label: string;
  readonly path: string;
}[];

export const render = (page: ReactNode): void => createRoot(root).render(page);
