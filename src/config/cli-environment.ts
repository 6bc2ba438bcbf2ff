/** What the command line takes from its environment; its options win over it. */
export interface CliEnvironment {
  /** REINSTATE_URL: where the service is */
  readonly url: string | undefined;
  /** REINSTATE_TOKEN: a token of the person who asks */
  readonly token: string | undefined;
  /** REINSTATE_ATTACH_URL: the shop's credential to attach, which is used once and never an argument: those stand in the process list */
  readonly attachUrl: string | undefined;
}

export function readCliEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): CliEnvironment {
  const given = (name: string) => (environment[name] === '' ? undefined : environment[name]);
  return {
    url: given('REINSTATE_URL'),
    token: given('REINSTATE_TOKEN'),
    attachUrl: given('REINSTATE_ATTACH_URL'),
  };
}
