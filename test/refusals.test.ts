/** What a refusal means for a message, by a clock that only goes forward. */
import { expect, test } from "bun:test";
import { createRefusals } from "../src/mail/courier/refusals.ts";
import type { Outcome } from "../src/mail/outcome.ts";

type Rejected = Extract<Outcome, { type: "rejected" }>;
const refusal = (reply: string): Rejected => ({ type: "rejected", phase: "rcpt", code: 550, reply });
const US = refusal("554 5.7.1 Relay access denied");
const UNCLEAR = refusal("550 No");
const [PAM, JIM, DWIGHT] = ["pam", "jim", "dwight"].map((name) => ({ id: name, recipient: `${name}@example.com` })) as [
  { id: string; recipient: string },
  { id: string; recipient: string },
  { id: string; recipient: string },
];

function start(accepts = false) {
  const clock = { now: 0 };
  const relay = {
    accepts,
    accepted() {
      relay.accepts = true;
    },
  };
  const refusals = createRefusals({ relay }, () => clock.now);
  /** @returns what is recorded at once, and whether the breaker opens. */
  const judge = (message: typeof PAM, outcome: Rejected): readonly [string | null, boolean] => {
    let recorded: string | null = null;
    const verdict = refusals.judge(message, outcome, (final) => (recorded = final.type));
    return [recorded, verdict === "relay refuses us"];
  };
  return { clock, refusals, judge };
}

test("the first refusal that is about us keeps the message, the second recipient's opens the breaker", () => {
  const { judge } = start(true);
  expect(judge(PAM, US)).toEqual(["deferred", false]);
  expect(judge(PAM, US)).toEqual(["deferred", false]);
  expect(judge(JIM, US)).toEqual(["deferred", true]);
  expect(judge(PAM, US)).toEqual(["deferred", true]);
});

test("an email to another recipient that began after the refusal ends the message at its next refusal", () => {
  const { clock, refusals, judge } = start(true);
  clock.now = 10;
  expect(judge(PAM, US)[0]).toBe("deferred");
  // Under way when Pam was refused: the relay may have begun to refuse since.
  refusals.accepted(JIM, 5);
  expect(judge(PAM, US)[0]).toBe("deferred");
  // Another email to Pam says nothing about this one.
  refusals.accepted({ ...PAM, id: "another" }, 20);
  expect(judge(PAM, US)[0]).toBe("deferred");
  refusals.accepted(JIM, 30);
  expect(judge(PAM, US)).toEqual(["rejected", false]);
  // What was accepted before a message was first refused tells nothing about it.
  clock.now = 40;
  expect(judge(DWIGHT, US)[0]).toBe("deferred");
});

test.each([530, 535, 538])("%d asks for a login or encryption: no words and no other email end the message", (code) => {
  const { clock, refusals, judge } = start(true);
  // RFC 4954 §6 and RFC 3207 §4: the code says it, the words may be about anything.
  for (const words of ["5.7.0 Authentication required", "No such user", "5.1.1 User unknown", "No"]) {
    clock.now += 10;
    const outcome: Rejected = { type: "rejected", phase: "rcpt", code, reply: `${code} ${words}` };
    expect(judge(PAM, outcome)).toEqual(["deferred", false]);
    refusals.accepted(JIM, clock.now + 5);
  }
  expect(judge(PAM, { ...US, code })).toEqual(["deferred", false]);
  expect(judge(DWIGHT, { ...US, code })).toEqual(["deferred", true]);
});

test("a refusal that says nothing keeps the message while nothing has been accepted under these settings", () => {
  const { clock, refusals, judge } = start(false);
  expect(judge(PAM, UNCLEAR)).toEqual(["deferred", false]);
  expect(judge(JIM, UNCLEAR)).toEqual(["deferred", true]);
  clock.now = 10;
  refusals.accepted(DWIGHT, 5);
  // From now on it is the recipient's, and is recorded after a moment in which others may be refused, too.
  expect(judge(PAM, UNCLEAR)).toEqual([null, false]);
  refusals.flush();
});

test("five recipients refused in a row are all kept, even by words about the recipient", () => {
  const { refusals } = start(true);
  const recorded: string[] = [];
  const verdicts = ["a", "b", "c", "d", "e"].map((name) =>
    refusals.judge({ id: name, recipient: name }, refusal("550 5.1.1 User unknown"), ({ type }) => recorded.push(type)),
  );
  expect(verdicts).toEqual(["relay works", "relay works", "relay works", "relay works", "relay refuses us"]);
  expect(recorded).toEqual(Array(5).fill("deferred"));
});
