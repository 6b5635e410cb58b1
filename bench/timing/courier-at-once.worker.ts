/** The courier, for which no time is random. */
import "../../src/mail/courier/worker.ts";

Math.random = () => 0;
