/** One protection, and the test that shows it. */
export interface Mutant {
  /** What is promised, in words. A promise of `docs/security.md` begins with its number, as in "R18 …". */
  readonly promise: string;
  /** The file that holds the protection, from the root of the tree. */
  readonly file: string;
  /** A text that the file has exactly once. */
  readonly text: string;
  /** What stands in its place in the mutant, which is dundie without the protection. */
  readonly becomes: string;
  /** The file under `test/` whose test must turn red. */
  readonly test: string;
  /** A part of the name of the test, or of its group. */
  readonly name: string;
}

/**
 * The source of a mutant.
 * @throws {Error} where the text is not there exactly once, so that the row says nothing about the code as it is.
 */
export function mutate({ file, text, becomes }: Mutant, source: string): string {
  const found = source.split(text).length - 1;
  if (found !== 1) throw new Error(`${file} has the text ${found} times and not once: ${JSON.stringify(text)}`);
  if (text === becomes) throw new Error(`${file}: the mutant is no different: ${JSON.stringify(text)}`);
  return source.replace(text, () => becomes);
}
