// Prints what `described` says of two detections, whose instances come in the order of argv[1].

#include <cstdio>
#include <string>
#include <utility>

#include "described.hpp"

int main(int, char ** argv)
{
  const bool big = std::string(argv[1]) == "big";
  vision_msgs::msg::Detection2DArray detections;
  for (const auto & [label, score] : {std::pair{"mug", 0.974}, std::pair{"pen", 0.5}}) {
    vision_msgs::msg::Detection2D detection;
    detection.results.resize(1);
    detection.results[0].hypothesis.class_id = label;
    detection.results[0].hypothesis.score = score;
    detection.bbox.center.position.x = 160.2;
    detection.bbox.center.position.y = 119.8;
    detection.bbox.size_x = 80;
    detection.bbox.size_y = 95;
    detections.detections.push_back(detection);
  }
  sensor_msgs::msg::Image instances;
  instances.encoding = "mono16";
  instances.is_bigendian = big;
  instances.width = 3;
  instances.height = 2;
  instances.step = 8;  // two bytes of padding, which are no pixel
  instances.data.assign(16, 0);
  const auto set = [&](std::size_t x, std::size_t y, std::uint8_t value) {
      instances.data[y * 8 + 2 * x + (big ? 1 : 0)] = value;
    };
  set(0, 0, 1);
  set(2, 1, 1);
  set(1, 1, 2);
  instances.data[6] = instances.data[7] = 1;
  std::fputs(described(detections, instances).c_str(), stdout);
  return 0;
}
