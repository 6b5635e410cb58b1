/** The mounted routes with what is true of each. It matches paths as Elysia's router does. */
import { factsOf, type RouteFacts } from "./operation.ts";

interface MountedRoute {
  readonly method: string;
  readonly path: string;
  readonly hooks?: { readonly detail?: unknown };
}

export interface FoundRoute {
  readonly facts: RouteFacts;
  /** As it was mounted, with its parameters by name. */
  readonly route: string;
  /** The parameters as they stand in the path, not yet percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
}

interface Entry {
  readonly method: string;
  readonly route: string;
  readonly pattern: RegExp;
  readonly facts: RouteFacts;
}

export class RouteTable {
  readonly #fixed = new Map<string, FoundRoute>();
  readonly #withParams: Entry[] = [];
  #methods: readonly (readonly [RegExp, string])[] = [];

  /**
   * Called once, when every route is mounted.
   * @throws {Error} when a route does not say who may call it and how often.
   */
  load(routes: readonly MountedRoute[]): void {
    const silent: string[] = [];
    for (const { method, path, hooks } of routes) {
      const facts = factsOf(hooks?.detail);
      if (!facts) silent.push(`${method} ${path}`);
      else if (path.includes(":")) this.#withParams.push({ method, route: path, pattern: patternOf(path), facts });
      else this.#fixed.set(`${method} ${withoutSlash(path)}`, { facts, route: path, params: {} });
    }
    if (silent.length > 0) throw new Error(`These routes say nothing in their detail: ${silent.join(", ")}`);
    this.#methods = routes.map(({ method, path }) => [patternOf(path), method]);
  }

  /** @returns undefined where nothing is mounted; Elysia answers 404 or 405 then. */
  find(method: string, path: string): FoundRoute | undefined {
    // Elysia answers HEAD wherever it answers GET.
    const served = method === "HEAD" ? "GET" : method;
    const fixed = this.#fixed.get(`${served} ${withoutSlash(path)}`);
    if (fixed) return fixed;
    for (const entry of this.#withParams) {
      if (entry.method !== served) continue;
      const match = entry.pattern.exec(path);
      if (match) return { facts: entry.facts, route: entry.route, params: { ...match.groups } };
    }
    return undefined;
  }

  /** The methods that a path supports, for `Allow`; empty where nothing is mounted. */
  methodsOf(path: string): string[] {
    const found = new Set(this.#methods.filter(([pattern]) => pattern.test(path)).map(([, method]) => method));
    if (found.size === 0) return [];
    if (found.has("GET")) found.add("HEAD");
    return [...found, "OPTIONS"].toSorted();
  }
}

const withoutSlash = (path: string): string => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);

/** A parameter is one segment; a slash at the end may be there or not. */
function patternOf(path: string): RegExp {
  const segments = withoutSlash(path)
    .split("/")
    .map((segment) =>
      segment.startsWith(":") ? `(?<${segment.slice(1)}>[^/]+)` : segment.replace(/[.+?^${}()|[\]\\]/g, "\\$&"),
    );
  return new RegExp(`^${segments.join("/")}/?$`);
}
