/** What the leader of an application has committed, as all its units read it. */
import { readApplicationBag, type Cluster } from "../../src/relations/peers.ts";
import { peersOf, type Application } from "../juju/model.ts";

export function committed(application: Application): Cluster | null {
  return readApplicationBag(peersOf(application).applicationBags.get(application.name)?.value ?? {}).cluster;
}
