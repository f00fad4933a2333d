package dev.callboard;

/**
 * Which actor.
 *
 * @param type the full name of the actor's service ({@code bank.v1.Account}), unless its {@code
 *     .proto} has another in the option {@code actor.type}
 * @param key the actor's key, as {@link Key#of} writes it; empty where the request has it, or the
 *     gateway makes a new one
 */
public record Address(String type, String key) {
  dev.callboard.v1.Address toProto() {
    return dev.callboard.v1.Address.newBuilder().setType(type).setKey(key).build();
  }
}
