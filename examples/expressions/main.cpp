// expressions: photographs of faces to a trained classifier of facial expressions, and what to make of it.
#include "command_line.h"
#include "environment.h"

int main(int count, char** arguments) {
  mien::expressions::pin_threads(arguments);
  return mien::expressions::run(count, arguments);
}
