package dev.callboard;

/**
 * Which method of which actor, and how its response is read.
 *
 * @param <R> the method's response
 */
record Route<R>(CallboardClient client, Address address, String method, Format<R> format) {
  Route<R> withKey(String key) {
    return new Route<>(client, new Address(address.type(), key), method, format);
  }
}
