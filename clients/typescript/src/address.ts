import { getOption, type DescService } from "@bufbuild/protobuf";

import { actor } from "../gen/callboard/v1/options_pb.js";

/** An actor. */
export interface Address {
  /**
   * Its type: the full name of its service, `bank.v1.Account`, unless the service has
   * another one in its option `actor.type`.
   */
  readonly type: string;
  /** Its key, 1 to 1,024 bytes; empty for a message that makes a new actor. */
  readonly key: string;
}

/** The address of the actor of a service with a key. */
export function address(service: DescService, key: string): Address {
  return { type: getOption(service, actor).type || service.typeName, key };
}
