/** What has not come by then never will, also on a machine that does much else. */
export const patienceMs = 240_000;
