// What the sketches use of an Arduino, on a computer: the serial port is the terminal at
// descriptor 0, the sensor says 20 degrees, and the lamp tells standard error.
#pragma once
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <string>

#define F(s) (s)
enum { LOW, HIGH, OUTPUT, A0, LED_BUILTIN };

inline void pinMode(int, int) {}
inline void digitalWrite(int, int v) { fprintf(stderr, "lamp %d\n", v); }
inline int analogRead(int) { return 144; } // 0.703 V
inline unsigned long millis() {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000UL + t.tv_nsec / 1000000;
}

struct String : std::string {
  bool startsWith(const char *s) const { return rfind(s, 0) == 0; }
  bool endsWith(const char *s) const { return size() >= strlen(s) && compare(size() - strlen(s), strlen(s), s) == 0; }
};

struct Port {
  void begin(long) {}
  void setTimeout(long) {}
  int available() {
    struct pollfd p = {0, POLLIN, 0};
    return poll(&p, 1, 1) > 0 && (p.revents & POLLIN);
  }
  int read() {
    unsigned char c;
    if (::read(0, &c, 1) != 1) _exit(0);
    return c;
  }
  String readStringUntil(char end) {
    String s;
    for (int c; available() && (c = read()) != end;) s += (char)c;
    return s;
  }
  void print(const char *s) {
    if (write(0, s, strlen(s)) < 0) _exit(0);
  }
  void print(double v, int digits) {
    char b[32];
    snprintf(b, sizeof b, "%.*f", digits, v);
    print(b);
  }
  void println(const char *s = "") {
    print(s);
    print("\r\n");
  }
  void println(double v, int digits) {
    print(v, digits);
    println();
  }
} Serial;

void hello();
void tell();
void take(char);
void obey();
void setup();
void loop();
int main() {
  for (setup();;) loop();
}
