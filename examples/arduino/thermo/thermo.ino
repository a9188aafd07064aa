// A thermometer with a lamp, at a router's serial port.
//
// It speaks the protocol itself, one JSON object a line: it is the sender "thermo", its
// event "temperature" comes once a second, and the request "lamp" with true or false
// switches the lamp. No library is needed, and 300 bytes of memory do.
//
// The router may be started before or after the board, stopped, and started again; so may
// the board, in the middle of a line too.

const long BAUD = 115200;
const unsigned long EVERY = 1000; // milliseconds between two events
const int SENSOR = A0;            // TMP36: 10 mV a degree, 500 mV at 0 degrees

char line[200]; // what has come of a line; a longer one is passed over
unsigned int length = 0;
unsigned long last = 0;

// hello makes this board known. It is the same each time, byte for byte: that is how the
// router sees that the board has started anew.
void hello() {
  Serial.println(); // ends what was cut off
  Serial.println(F("{\"id\":1,\"method\":\"add_sender\",\"params\":{\"sender\":\"thermo\","
                   "\"events\":[\"temperature\"],\"requests\":[\"lamp\"]}}"));
}

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  Serial.begin(BAUD);
  hello();
}

void loop() {
  while (Serial.available() > 0) {
    take((char)Serial.read());
  }
  if (millis() - last >= EVERY) {
    last = millis();
    tell();
  }
}

// tell triggers the event.
void tell() {
  float celsius = analogRead(SENSOR) * 5.0 / 1024.0 * 100.0 - 50.0;
  Serial.print(F("{\"id\":2,\"method\":\"signal\",\"params\":{\"info\":{\"sender\":\"thermo\","
                 "\"event\":\"temperature\"},\"data\":"));
  Serial.print(celsius, 1);
  Serial.println(F("}}"));
}

// take collects a line.
void take(char c) {
  if (c != '\n') {
    if (length < sizeof line) {
      line[length++] = c;
    }
    return;
  }
  if (length > 0 && length < sizeof line) {
    line[length] = 0;
    obey();
  }
  length = 0;
}

// obey does what a line says. Replies to our own calls need no attention.
void obey() {
  if (strncmp(line, "#start", 6) == 0) { // the router has started anew
    hello();
    return;
  }
  char *id = strstr(line, "\"id\":");
  if (line[0] != '{' || id == NULL || strstr(line, "\"method\":\"request\"") == NULL) {
    return;
  }
  digitalWrite(LED_BUILTIN, strstr(line, "\"params\":true") != NULL ? HIGH : LOW);
  id += 5;
  id[strcspn(id, ",}")] = 0;
  Serial.print(F("{\"id\":"));
  Serial.print(id);
  Serial.println(F(",\"status\":0,\"response\":null}"));
}
