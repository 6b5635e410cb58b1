const ids = new WeakMap<Request, string>();

/** One id a request: in its log lines, its messages and its audit, and in the answer's `X-Request-Id`. */
export function requestIdOf(request: Request): string {
  let id = ids.get(request);
  if (!id) ids.set(request, (id = Bun.randomUUIDv7()));
  return id;
}
