// A thermometer with a lamp that knows nothing of any protocol. It prints a temperature
// once a second, and takes lines: "lamp true" and "lamp false".
//
// The router makes a sender of it:
//
//   sig serve --listen 'serial:///dev/ttyACM0?sender=thermo&event=temperature'

const int SENSOR = A0; // TMP36: 10 mV a degree, 500 mV at 0 degrees

unsigned long last = 0;

void setup() {
  pinMode(LED_BUILTIN, OUTPUT);
  Serial.begin(115200);
  Serial.setTimeout(50);
}

void loop() {
  if (Serial.available() > 0) {
    String line = Serial.readStringUntil('\n');
    if (line.startsWith("lamp ")) {
      digitalWrite(LED_BUILTIN, line.endsWith("true") ? HIGH : LOW);
    }
  }
  if (millis() - last >= 1000) {
    last = millis();
    Serial.println(analogRead(SENSOR) * 5.0 / 1024.0 * 100.0 - 50.0, 1);
  }
}
