/** What detection needs of the configuration. */
export class DetectionSettings {
  /** @param weeksPerFalsePage at most one false page in so many weeks, for each shop */
  constructor(readonly weeksPerFalsePage: number) {}
}
