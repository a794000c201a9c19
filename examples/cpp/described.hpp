// What the two topics say together, in words. It needs the messages alone, no node.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <sstream>
#include <string>
#include <vector>

#include "sensor_msgs/msg/image.hpp"
#include "vision_msgs/msg/detection2_d_array.hpp"

// Pixels of each detection. In `instances` (mono16) value i belongs to detections[i-1], and 0 is
// background; rows may be padded, and either byte order may come.
inline std::vector<std::size_t> areas(
  const sensor_msgs::msg::Image & instances, std::size_t detections)
{
  std::vector<std::size_t> counts(detections, 0);
  if (instances.encoding != "mono16" || instances.step < 2 * instances.width ||
    instances.data.size() < static_cast<std::size_t>(instances.step) * instances.height)
  {
    return counts;
  }
  const std::size_t low = instances.is_bigendian ? 1 : 0;
  for (std::size_t y = 0; y < instances.height; ++y) {
    const std::uint8_t * row = instances.data.data() + y * instances.step;
    for (std::size_t x = 0; x < instances.width; ++x) {
      const std::size_t value = row[2 * x + low] + 256u * row[2 * x + 1 - low];
      if (value > 0 && value <= detections) {
        ++counts[value - 1];
      }
    }
  }
  return counts;
}

// A line for each detection, best first: "mug 0.97 at 160 120, 80 x 95 pixels, mask of 5120 pixels".
inline std::string described(
  const vision_msgs::msg::Detection2DArray & detections, const sensor_msgs::msg::Image & instances)
{
  std::ostringstream lines;
  const auto pixels = areas(instances, detections.detections.size());
  for (std::size_t i = 0; i < detections.detections.size(); ++i) {
    const auto & detection = detections.detections[i];
    if (detection.results.empty()) {
      continue;
    }
    const auto & hypothesis = detection.results.front().hypothesis;  // class_id is the label
    const auto & box = detection.bbox;
    lines << hypothesis.class_id << std::fixed << std::setprecision(2) << " " << hypothesis.score
          << std::setprecision(0) << " at " << box.center.position.x << " "
          << box.center.position.y << ", " << box.size_x << " x " << box.size_y
          << " pixels, mask of " << pixels[i] << " pixels\n";
  }
  return lines.str();
}
