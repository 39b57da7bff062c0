/** An error that ends the program with one line `error: …` on standard error and exit status 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}
