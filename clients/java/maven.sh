# How the scripts here run Maven; they source this file.
root=$(cd "${CALLBOARD_ROOT:-../..}" && pwd)
conformance=$(cd "${CALLBOARD_CONFORMANCE:-$root/conformance}" && pwd)
mkdir -p "${CALLBOARD_TARGET:-../../target}"
target=$(cd "${CALLBOARD_TARGET:-../../target}" && pwd)
build=$target/clients/java
export MAVEN_OPTS="${MAVEN_OPTS:--XX:+UseSerialGC -Xmx512m}"

need() { # need COMMAND HOW-TO-INSTALL
  command -v "$1" > /dev/null || { echo "clients/java: $1 is missing; install it: $2" >&2; exit 1; }
}
need javac "apt-get install openjdk-17-jdk-headless"
need curl "apt-get install curl (Maven comes from Maven Central)"

MAVEN=3.9.16
MAVEN_SHA512=831a8591fe20c8243b1dbe7d71e3244f31d1665b0804b2e825e38cbbe5ce0cafb8338851f90780735568773e0a6cd07bbec107cda0b896b008b861075358b6f6
mvn=$build/apache-maven-$MAVEN/bin/mvn
if [ ! -x "$mvn" ]; then
  mkdir -p "$build"
  curl --fail --silent --show-error --location --retry 3 --output "$build/maven.tar.gz" \
    "https://repo.maven.apache.org/maven2/org/apache/maven/apache-maven/$MAVEN/apache-maven-$MAVEN-bin.tar.gz"
  echo "$MAVEN_SHA512 $build/maven.tar.gz" | sha512sum --check --quiet
  tar --extract --gzip --file "$build/maven.tar.gz" --directory "$build"
  rm "$build/maven.tar.gz"
fi

# A repository of its own: what is installed there is for the examples and the driver only.
maven() {
  "$mvn" --batch-mode --no-transfer-progress "-Dmaven.repo.local=$build/m2" "-Dcallboard.root=$root" \
    "-Dcallboard.target=$target" "-Dcallboard.conformance=$conformance" "$@"
}
