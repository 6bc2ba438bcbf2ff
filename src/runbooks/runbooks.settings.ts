/** What runbooks need of the configuration. */
export class RunbooksSettings {
  constructor(
    private readonly parts: {
      /** folders with `<AlertName>.md` files; a file in a later one takes the place of an earlier one */
      readonly directories: readonly string[];
      /** hosts that steps may go to */
      readonly allowedHosts: readonly string[];
      /** webhooks are signed with it */
      readonly webhookSecret: string | undefined;
    },
  ) {}

  get directories(): readonly string[] {
    return this.parts.directories;
  }

  get allowedHosts(): readonly string[] {
    return this.parts.allowedHosts;
  }

  get webhookSecret(): string | undefined {
    return this.parts.webhookSecret;
  }
}
