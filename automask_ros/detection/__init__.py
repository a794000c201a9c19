"""Stage two: Mask R-CNN, its training data, training, evaluation, export and prediction."""
